//! The words for the environment and variant of an overlay, and the comparison of texts without
//! these words.

use crate::config::Environment;
use crate::repo::Overlay;

/// The words of one overlay's environment, lower case, and the segments of its variant.
#[derive(Clone, Debug, Default)]
pub(crate) struct Words {
    environment: Vec<String>,
    variant: Vec<String>,
}

impl Words {
    /// The words of an overlay; those of all environments if it belongs to none.
    pub(crate) fn of(overlay: &Overlay, environments: &[Environment]) -> Words {
        let own: Vec<&Environment> = match overlay
            .environment
            .and_then(|index| environments.get(index))
        {
            Some(environment) => vec![environment],
            None => environments.iter().collect(),
        };
        let mut words = Vec::new();
        for environment in &own {
            words.push(environment.name.to_lowercase());
            words.extend(environment.aliases.iter().map(|alias| alias.to_lowercase()));
            if !environment.protected {
                words.extend(["nonprod", "nonproduction"].map(String::from));
            }
        }
        let variant = overlay
            .variant
            .iter()
            .flat_map(|variant| variant.split('/'))
            .filter(|part| part.len() > 1);
        Words {
            environment: words,
            variant: variant.map(str::to_lowercase).collect(),
        }
    }

    /// The text without the words of the environment and the variant, each removed with one
    /// delimiter beside it: `staging.api.example.com` → `api.example.com`, `apiProd` → `api`.
    pub(crate) fn strip(&self, text: &str) -> String {
        let mut kept = String::with_capacity(text.len());
        let mut skip_delimiter = false;
        let lower = text.to_ascii_lowercase();
        let mut rest = 0;
        while rest < text.len() {
            let tail = &text[rest..];
            let first = tail.chars().next().unwrap_or_default();
            if !first.is_alphanumeric() {
                if !skip_delimiter {
                    kept.push(first);
                }
                skip_delimiter = false;
                rest += first.len_utf8();
                continue;
            }
            let length = self
                .variant_at(&lower, rest)
                .unwrap_or_else(|| token_length(tail));
            let token = &text[rest..rest + length];
            if self.variant_at(&lower, rest).is_some() || self.is_word(token) {
                let delimited = kept
                    .chars()
                    .next_back()
                    .is_some_and(|last| !last.is_alphanumeric());
                if delimited {
                    kept.pop();
                }
                skip_delimiter = !delimited && (kept.is_empty() || token.len() < tail.len());
            } else {
                kept.push_str(token);
                skip_delimiter = false;
            }
            rest += length;
        }
        kept
    }

    fn is_word(&self, token: &str) -> bool {
        let token = token.to_lowercase();
        let bare = token.trim_end_matches(|digit: char| digit.is_ascii_digit());
        self.environment
            .iter()
            .any(|word| *word == token || (*word == bare && token.len() - bare.len() <= 2))
    }

    fn variant_at(&self, lower: &str, at: usize) -> Option<usize> {
        let before = lower[..at]
            .chars()
            .next_back()
            .is_some_and(char::is_alphanumeric);
        let fits = |part: &&String| {
            let tail = lower
                .get(at..)
                .and_then(|tail| tail.strip_prefix(part.as_str()));
            tail.is_some_and(|tail| !tail.chars().next().is_some_and(char::is_alphanumeric))
        };
        self.variant
            .iter()
            .filter(|_| !before)
            .filter(fits)
            .map(String::len)
            .max()
    }

    /// The text without the longer words, even inside other words: `acmestaging` → `acme`.
    fn strip_everywhere(&self, text: &str) -> String {
        let mut text = text.to_lowercase();
        let mut words: Vec<&String> = self
            .environment
            .iter()
            .filter(|word| word.len() >= 4)
            .collect();
        words.sort_by_key(|word| std::cmp::Reverse(word.len()));
        for word in words {
            text = text.replace(word.as_str(), "");
        }
        text
    }
}

/// True if two texts are equal once each has lost the words for its own environment.
pub(super) fn same_but_for_words(words: &(Words, Words), from: &str, to: &str) -> bool {
    words.0.strip(from) == words.1.strip(to)
        || words.0.strip_everywhere(from) == words.1.strip_everywhere(to)
}

/// Length of the word at the start: up to a delimiter or a lower-to-upper step.
fn token_length(text: &str) -> usize {
    let mut previous_lower = false;
    for (index, character) in text.char_indices() {
        if !character.is_alphanumeric() || (previous_lower && character.is_uppercase()) {
            return index;
        }
        previous_lower = character.is_lowercase();
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(environment: &[&str], variant: &[&str]) -> Words {
        let own = |words: &[&str]| words.iter().map(|word| word.to_string()).collect();
        Words {
            environment: own(environment),
            variant: own(variant),
        }
    }

    #[test]
    fn takes_a_word_with_one_delimiter() {
        let staging = words(&["staging", "stg", "stage"], &[]);
        for (text, stripped) in [
            ("staging.api.example.com", "api.example.com"),
            ("api-staging", "api"),
            ("apps/staging/api", "apps/api"),
            ("api-staging-db", "api-db"),
            ("apiStaging", "api"),
            ("STG_DATABASE", "DATABASE"),
            ("stage0", ""),
            ("backstage", "backstage"),
            ("", ""),
            ("größe-staging-ß", "größe-ß"),
        ] {
            assert_eq!(staging.strip(text), stripped, "{text}");
        }
    }

    #[test]
    fn takes_the_variant_as_a_whole() {
        assert_eq!(
            words(&["production"], &["us-east-1"]).strip("api-production-us-east-1"),
            "api"
        );
        assert_eq!(
            words(&["production"], &["eu"]).strip("reusable-eu"),
            "reusable"
        );
    }

    #[test]
    fn words_within_words() {
        let pair = (
            words(&["staging"], &[]),
            words(&["production", "prod"], &[]),
        );
        assert!(same_but_for_words(&pair, "acmestaging", "acmeproduction"));
        assert!(same_but_for_words(&pair, "api-staging", "api"));
        assert!(!same_but_for_words(&pair, "api-staging", "web-prod"));
    }
}
