//! The fleet as a flowchart that GitHub, GitLab and most wikis draw.

use super::{Report, folder, objects};
use crate::report::count;

/// Writes one subgraph for each cluster.
pub(super) fn write(report: &Report<'_>) -> String {
    let mut out = "flowchart LR\n".to_string();
    for (number, (cluster, roots)) in report.clusters().into_iter().enumerate() {
        out += &format!("  subgraph c{number}[\"{}\"]\n", label(&cluster));
        for root in roots {
            out += &format!("    n{root}\n");
        }
        out += "  end\n";
    }
    for (index, one) in report.fleet.applied.iter().enumerate() {
        let pointer = one.pointer;
        let number =
            objects(one).map_or("not rendered".to_string(), |number| count(number, "object"));
        let parts = [
            pointer.agent.name.as_str(),
            folder(&pointer.folder),
            number.as_str(),
        ];
        let text: Vec<String> = parts.iter().map(|part| label(part)).collect();
        out += &format!("  n{index}[\"{}\"]\n", text.join("<br/>"));
        for child in &one.children {
            out += &format!("  n{index} --> n{child}\n");
        }
    }
    out
}

/// A text within a label: characters that Mermaid or HTML would act on become entities.
fn label(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' | ' ' | '/' | '.' | '-' | '_' | ':' => {
                character.to_string()
            }
            other if other.is_control() => " ".to_string(),
            other => format!("#{};", u32::from(other)),
        })
        .collect()
}
