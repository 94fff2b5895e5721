//! Resource quantities: `500m`, `1.5Gi`, `2e3`.

/// The value of a quantity in its base unit (cores, bytes); `None` if the text is not a quantity.
///
/// The precision of a double suffices to tell limits from requests. Source: the Kubernetes quantity
/// grammar (binary and decimal suffixes, exponents).
pub(crate) fn parse(text: &str) -> Option<f64> {
    let text = text.trim();
    let end = text
        .find(|letter: char| !(letter.is_ascii_digit() || matches!(letter, '.' | '+' | '-')))
        .unwrap_or(text.len());
    let number: f64 = text.get(..end)?.parse().ok()?;
    let factor = match text.get(end..)? {
        "" => 1.0,
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "E" => 1e18,
        "Ki" => 1024.0,
        "Mi" => 1024f64.powi(2),
        "Gi" => 1024f64.powi(3),
        "Ti" => 1024f64.powi(4),
        "Pi" => 1024f64.powi(5),
        "Ei" => 1024f64.powi(6),
        exponent => {
            let power: i32 = exponent.strip_prefix(['e', 'E'])?.parse().ok()?;
            10f64.powi(power)
        }
    };
    let value = number * factor;
    value.is_finite().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_have_one_scale() {
        for (one, other) in [
            ("500m", "0.5"),
            ("1Gi", "1024Mi"),
            ("1e3", "1k"),
            ("1E", "1e18"),
            ("2", "2000m"),
            ("1.5Ki", "1536"),
        ] {
            assert_eq!(parse(one), parse(other), "{one} {other}");
        }
        for bad in ["", "x", "1x", "1 Gi", "Mi", "1e", "--1"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
