//! Entries of `resources` and `components`: where they lead, and why kustomize refuses some of
//! them.

use super::{Accumulator, Step};
use crate::kustomize::context::{BuildContext, withheld};
use crate::kustomize::decode::Text;
use crate::kustomize::loader::{Target, target};
use crate::kustomize::{Problem, remote};
use crate::source::is_below;

/// The most kustomizations that may build on each other.
const DEPTH_LIMIT: usize = 128;

impl<'a> Accumulator<'a> {
    /// Where an entry leads. An entry that kustomize refuses is reported.
    pub(super) fn enter(
        &self,
        step: &Step<'_>,
        entry: &Text,
        context: &mut BuildContext<'a>,
    ) -> Option<Target> {
        let entered = self.checked_target(step, entry, context);
        entered.map_err(|problem| context.report(*problem)).ok()
    }

    fn checked_target(
        &self,
        step: &Step<'_>,
        entry: &Text,
        context: &BuildContext<'a>,
    ) -> Result<Target, Box<Problem>> {
        if entry.is_empty() {
            let help = "name a file or folder, or remove the entry";
            return Err(refused(entry, "an entry is empty", help));
        }
        let found = target(self.shared, &context.folder, entry);
        match &found {
            Target::File => {}
            Target::Remote => return Err(Box::new(remote::problem(entry))),
            Target::Outside => {
                let message = format!("{:?} leads out of the repository", &**entry);
                let help = "copy what is needed into the repository";
                return Err(refused(entry, message, help));
            }
            Target::Missing => return Err(self.missing(entry, context)),
            Target::Folder(folder) => self.check_folder(step, entry, folder, context)?,
        }
        Ok(found)
    }

    fn missing(&self, entry: &Text, context: &BuildContext<'a>) -> Box<Problem> {
        if let Some(copy) = self.shared.options.remotes.copy_of(entry) {
            return Box::new(remote::missing_copy(entry, &copy));
        }
        let path = self.shared.locate(&context.folder, entry).ok();
        if let Some(withheld) = path.and_then(|path| self.shared.source.withheld(&path)) {
            return Box::new(self::withheld(entry, &withheld));
        }
        let message = format!("there is no file or folder {:?}", &**entry);
        let help = context.near_miss(entry);
        refused(entry, message, help)
    }

    fn check_folder(
        &self,
        step: &Step<'_>,
        entry: &Text,
        folder: &str,
        context: &BuildContext<'a>,
    ) -> Result<(), Box<Problem>> {
        if entry.starts_with('/') {
            let message = format!("the folder {:?} must be given as a relative path", &**entry);
            return Err(refused(entry, message, "start the path with ./ or ../"));
        }
        let mut parts = entry.split('/');
        if parts.any(|part| part != ".." && part.contains("..")) && remote::parse(entry).is_none() {
            let message = format!("the path {:?} is ambiguous", &**entry);
            let help = "check the indentation: two list items may have become one";
            return Err(refused(entry, message, help));
        }
        self.check_cycle(entry, folder, context)?;
        if self.loader.load(self.shared, folder).is_none() {
            let message = format!("the folder {:?} has no kustomization file", &**entry);
            let help = "list its files one by one, or add a kustomization.yaml to it";
            return Err(refused(entry, message, help));
        }
        if step.depth >= DEPTH_LIMIT {
            let message = format!("more than {DEPTH_LIMIT} kustomizations build on each other");
            return Err(refused(entry, message, "use fewer layers"));
        }
        Ok(())
    }

    /// Refuses a folder that is built on the folder of this kustomization.
    fn check_cycle(
        &self,
        entry: &Text,
        folder: &str,
        context: &BuildContext<'a>,
    ) -> Result<(), Box<Problem>> {
        let help = "remove the entry: nothing can be built on itself";
        if is_below(&context.folder, folder) {
            let message = format!("{:?} leads back to this folder or one above it", &**entry);
            return Err(refused(entry, message, help));
        }
        let reach = self.loader.reach(self.shared, folder);
        let back = reach
            .iter()
            .find(|reached| is_below(&context.folder, reached));
        let Some(back) = back else { return Ok(()) };
        let back = if back.is_empty() {
            "the root of the repository"
        } else {
            back
        };
        let message = format!(
            "{:?} leads back to {back}, which contains this folder",
            &**entry
        );
        Err(refused(entry, message, help))
    }
}

fn refused(entry: &Text, message: impl Into<String>, help: impl Into<String>) -> Box<Problem> {
    Box::new(Problem::error(entry.origin(), message).with_help(help))
}
