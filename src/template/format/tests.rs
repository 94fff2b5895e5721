use super::*;

fn printf(format: &str, values: &[Value]) -> String {
    let text = sprintf(&format.into(), values, &mut Budget::default()).unwrap();
    text.as_str().to_string()
}

#[test]
fn floats_print_as_in_go() {
    for (value, printed) in [
        (1.0, "1"),
        (999_999.0, "999999"),
        (1_000_000.0, "1e+06"),
        (12_345_678.0, "1.2345678e+07"),
        (123_456.7, "123456.7"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (1e21, "1e+21"),
        (-0.5, "-0.5"),
        (f64::INFINITY, "+Inf"),
        (f64::NAN, "NaN"),
    ] {
        assert_eq!(printf("%v", &[Value::float(value)]), printed);
    }
    let half = [Value::float(2.5)];
    for (format, printed) in [
        ("%.0f", "2"),
        ("%08.3f", "0002.500"),
        ("%-8.1f|", "2.5     |"),
        ("%+e", "+2.500000e+00"),
        ("%G", "2.5"),
        ("%#.3g", "2.50"),
        ("%x", "0x1.4p+01"),
        ("%b", "5629499534213120p-51"),
    ] {
        assert_eq!(printf(format, &half), printed, "{format}");
    }
}

#[test]
fn verbs_print_as_in_go() {
    let text = || Value::string("hé");
    for (format, values, printed) in [
        (
            "%d|%5d|%-5d|%05d",
            vec![Value::int(7), Value::int(-7), Value::int(7), Value::int(-7)],
            "7|   -7|7    |-0007",
        ),
        (
            "%x %X %#x %o %O %b",
            vec![Value::int(255); 6],
            "ff FF 0xff 377 0o377 11111111",
        ),
        (
            "%c %q %U %#U",
            vec![Value::int(233); 4],
            "é 'é' U+00E9 U+00E9 'é'",
        ),
        (
            "%q %+q %#q %x % X %.1s",
            vec![text(); 6],
            "\"hé\" \"h\\u00e9\" `hé` 68c3a9 68 C3 A9 h",
        ),
        (
            "%t %v",
            vec![Value::bool(true), Value::bool(false)],
            "true false",
        ),
        (
            "%T %T %T",
            vec![Value::nil(), Value::list(vec![]), Value::map(Map::new())],
            "<nil> []interface {} map[string]interface {}",
        ),
        ("%.3T|%6.2T|", vec![text(), Value::int(1)], "str|    in|"),
        (
            "%+#w %w",
            vec![text(), Value::float(2.0)],
            "%!w(string=\"hé\") %!w(float64=2)",
        ),
        (
            "%5v|%-5v|%05v",
            vec![Value::bool(true), text(), text()],
            " true|hé   |000hé",
        ),
        (
            "%*d %.*f",
            vec![
                Value::int(4),
                Value::int(1),
                Value::int(1),
                Value::float(0.25),
            ],
            "   1 0.2",
        ),
        ("%[2]v %[1]v", vec![Value::int(1), Value::int(2)], "2 1"),
        (
            "%#v",
            vec![Value::list(vec![Value::int(1), Value::nil(), text()])],
            "[]interface {}{1, interface {}(nil), \"hé\"}",
        ),
    ] {
        assert_eq!(printf(format, &values), printed, "{format}");
    }
}

#[test]
fn verbs_that_do_not_suit_are_told_as_in_go() {
    for (format, values, printed) in [
        ("%d", vec![Value::string("x")], "%!d(string=x)"),
        ("%d", vec![Value::float(5.0)], "%!d(float64=5)"),
        ("%s", vec![Value::nil()], "%!s(<nil>)"),
        (
            "%s",
            vec![Value::list(vec![Value::string("a"), Value::int(1)])],
            "[a %!s(int=1)]",
        ),
        ("%d %d", vec![Value::int(1)], "1 %!d(MISSING)"),
        (
            "%d",
            vec![Value::int(1), Value::nil(), Value::bool(true)],
            "1%!(EXTRA <nil>, bool=true)",
        ),
        ("%", vec![], "%!(NOVERB)"),
        ("%!", vec![], "%!!(MISSING)"),
        ("%[3]d", vec![Value::int(1)], "%!d(BADINDEX)"),
        (
            "%*d",
            vec![Value::string("w"), Value::int(1)],
            "%!(BADWIDTH)1",
        ),
        ("100%%", vec![], "100%"),
    ] {
        assert_eq!(printf(format, &values), printed, "{format}");
    }
}

#[test]
fn print_puts_blanks_between_operands_that_are_not_strings() {
    let values = ["a", "b"].map(Value::string);
    let [a, b] = values;
    let values = [a, Value::int(1), Value::int(2), b, Value::int(3)];
    let budget = &mut Budget::default();
    assert_eq!(sprint(&values, budget).unwrap().as_str(), "a1 2b3");
    assert_eq!(sprintln(&values, budget).unwrap().as_str(), "a 1 2 b 3\n");
}

#[test]
fn wide_fields_and_values_within_themselves_are_bounded() {
    let mut budget = Budget::new(10_000, 10_000);
    let wide = sprintf(&"%999999d".into(), &[Value::int(1)], &mut budget);
    assert!(matches!(wide, Err(Problem::TooMuch { .. })), "{wide:?}");
    let map = Map::new();
    map.set("self", Value::map(map.clone()));
    let within = display(&Value::map(map.clone()), &mut Budget::default());
    assert!(matches!(within, Err(Problem::TooMuch { .. })), "{within:?}");
    map.remove("self");
}
