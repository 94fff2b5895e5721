//! Functions that give another result in every run. Here they give a fixed one, which is marked:
//! no rule may compare it.

use super::{Call, Function, fixed};
use crate::template::error::Problem;
use crate::template::inputs::Inputs;
use crate::template::value::{Field, Type, Value};

const TEXT: &[Type] = &[Type::String];
const COUNT: &[Type] = &[Type::Int];
const TWO: &[Type] = &[Type::String, Type::String];
const NAMES: &[Type] = &[Type::String, Type::List, Type::List, Type::Int];

pub(super) static FUNCTIONS: &[Function] = &[
    fixed("randAlphaNum", COUNT, |call| letters(call, "a")),
    fixed("randAlpha", COUNT, |call| letters(call, "a")),
    fixed("randAscii", COUNT, |call| letters(call, "a")),
    fixed("randNumeric", COUNT, |call| letters(call, "1")),
    fixed("randBytes", COUNT, |call| {
        let length = usize::try_from(call.int(0)).unwrap_or(0);
        call.budget.bytes(length.saturating_mul(2))?;
        volatile(call, "AAAA".repeat(length.div_ceil(3)))
    }),
    fixed("randInt", &[Type::Int, Type::Int], |call| {
        if call.int(1) <= call.int(0) {
            return Err("invalid argument to Intn".into());
        }
        Ok(Value::int(call.int(0)).with_inputs(call.inputs().and(&Inputs::VOLATILE)))
    }),
    fixed("shuffle", TEXT, |call| {
        let text = call.str(0).to_string();
        volatile(call, text)
    }),
    fixed("uuidv4", &[], |call| {
        volatile(call, "00000000-0000-4000-8000-000000000000")
    }),
    fixed("bcrypt", TEXT, |call| volatile(call, BCRYPT)),
    fixed("htpasswd", TWO, |call| {
        let user = call.str(0);
        match user.contains(':') {
            true => call.computed_text(format!("invalid username: {user}")),
            false => volatile(call, format!("{user}:{BCRYPT}")),
        }
    }),
    fixed("encryptAES", TWO, |call| {
        volatile(call, "AAAAAAAAAAAAAAAAAAAAAA==")
    }),
    fixed("decryptAES", TWO, |call| volatile(call, "decrypted")),
    fixed(
        "derivePassword",
        &[
            Type::Uint32,
            Type::String,
            Type::String,
            Type::String,
            Type::String,
        ],
        |call| volatile(call, "Password0!"),
    ),
    fixed("genPrivateKey", TEXT, |call| match call.str(0) {
        "" | "rsa" => volatile(call, key("RSA PRIVATE KEY")),
        "dsa" => volatile(call, key("DSA PRIVATE KEY")),
        "ecdsa" => volatile(call, key("EC PRIVATE KEY")),
        "ed25519" => volatile(call, key("PRIVATE KEY")),
        other => {
            let message = format!("Unknown type {other}");
            call.computed_text(message)
        }
    }),
    fixed("genCA", &[Type::String, Type::Int], certificate),
    fixed(
        "genCAWithKey",
        &[Type::String, Type::Int, Type::String],
        certificate,
    ),
    fixed("genSelfSignedCert", NAMES, certificate),
    fixed(
        "genSelfSignedCertWithKey",
        &[
            Type::String,
            Type::List,
            Type::List,
            Type::Int,
            Type::String,
        ],
        certificate,
    ),
    fixed(
        "genSignedCert",
        &[
            Type::String,
            Type::List,
            Type::List,
            Type::Int,
            Type::Certificate,
        ],
        certificate,
    ),
    fixed(
        "genSignedCertWithKey",
        &[
            Type::String,
            Type::List,
            Type::List,
            Type::Int,
            Type::Certificate,
            Type::String,
        ],
        certificate,
    ),
    fixed("buildCustomCert", TWO, |call| {
        let decoded = |index: usize| {
            use base64::Engine as _;
            let engine = base64::engine::general_purpose::STANDARD;
            let bytes = engine.decode(call.str(index)).ok()?;
            String::from_utf8(bytes).ok()
        };
        let (Some(cert), Some(key)) = (decoded(0), decoded(1)) else {
            return Err("unable to decode base64 certificate".into());
        };
        let inputs = call.inputs();
        Ok(pair(cert, key, &inputs))
    }),
];

const BCRYPT: &str = "$2a$10$AAAAAAAAAAAAAAAAAAAAAOAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn volatile(call: &mut Call<'_>, text: impl Into<String>) -> Result<Value, Problem> {
    let value = call.computed_text(text)?;
    let inputs = value.inputs.clone().and(&Inputs::VOLATILE);
    Ok(value.with_inputs(inputs))
}

fn letters(call: &mut Call<'_>, letter: &str) -> Result<Value, Problem> {
    let length = usize::try_from(call.int(0)).unwrap_or(0);
    call.budget.bytes(length)?;
    volatile(call, letter.repeat(length))
}

/// A block of PEM with nothing that could be taken for a secret.
fn key(kind: &str) -> String {
    format!("-----BEGIN {kind}-----\nAAAA\n-----END {kind}-----\n")
}

fn certificate(call: &mut Call<'_>) -> Result<Value, Problem> {
    let inputs = call.inputs().and(&Inputs::VOLATILE);
    Ok(pair(key("CERTIFICATE"), key("RSA PRIVATE KEY"), &inputs))
}

fn pair(certificate: String, key: String, inputs: &Inputs) -> Value {
    let field = |name, text| Field::new(name, Value::string(text).with_inputs(inputs.clone()));
    let fields = [field("Cert", certificate), field("Key", key)];
    Value::structure(Type::Certificate.name(), fields, None).with_inputs(inputs.clone())
}
