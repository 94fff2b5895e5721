use super::*;
use crate::template::inputs::Inputs;
use crate::yaml::{By, FileId, Origin};

fn printf(format: &str, values: &[Value]) -> String {
    let text = sprintf(&format.into(), values, &mut Budget::default()).unwrap();
    text.as_str().to_string()
}

#[test]
fn numbers_print_as_in_go() {
    let float = |value: f64| printf("%v", &[Value::float(value)]);
    assert_eq!(float(1.0), "1");
    assert_eq!(float(1_000_000.0), "1e+06");
    assert_eq!(float(999_999.0), "999999");
    assert_eq!(float(12_345_678.0), "1.2345678e+07");
    assert_eq!(float(123_456.7), "123456.7");
    assert_eq!(float(0.0001), "0.0001");
    assert_eq!(float(0.00001), "1e-05");
    assert_eq!(float(1e21), "1e+21");
    assert_eq!(float(-0.5), "-0.5");
}
