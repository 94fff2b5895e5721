//! Functions of OPA that policies cannot call here. They can be replaced in tests by `with`.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use regorus::Engine;

use super::{Failed, Value};

/// A function, the number of its arguments, and why it cannot be called.
const FUNCTIONS: &[(&str, u8, &str)] = &[
    ("http.send", 1, NETWORK),
    ("net.lookup_ip_addr", 1, NETWORK),
    ("providers.aws.sign_req", 3, NETWORK),
    ("io.jwt.decode_verify", 2, KEYS),
    ("io.jwt.encode_sign", 3, KEYS),
    ("io.jwt.encode_sign_raw", 3, KEYS),
    ("io.jwt.verify_eddsa", 2, KEYS),
    ("io.jwt.verify_es256", 2, KEYS),
    ("io.jwt.verify_es384", 2, KEYS),
    ("io.jwt.verify_es512", 2, KEYS),
    ("io.jwt.verify_hs256", 2, KEYS),
    ("io.jwt.verify_hs384", 2, KEYS),
    ("io.jwt.verify_hs512", 2, KEYS),
    ("io.jwt.verify_ps256", 2, KEYS),
    ("io.jwt.verify_ps384", 2, KEYS),
    ("io.jwt.verify_ps512", 2, KEYS),
    ("io.jwt.verify_rs256", 2, KEYS),
    ("io.jwt.verify_rs384", 2, KEYS),
    ("io.jwt.verify_rs512", 2, KEYS),
    ("crypto.parse_private_keys", 1, KEYS),
    ("crypto.x509.parse_and_verify_certificates", 1, KEYS),
    (
        "crypto.x509.parse_and_verify_certificates_with_options",
        2,
        KEYS,
    ),
    ("crypto.x509.parse_certificate_request", 1, KEYS),
    ("crypto.x509.parse_certificates", 1, KEYS),
    ("crypto.x509.parse_keypair", 2, KEYS),
    ("crypto.x509.parse_rsa_private_key", 1, KEYS),
    ("graphql.is_valid", 2, LANGUAGES),
    ("graphql.parse", 2, LANGUAGES),
    ("graphql.parse_and_verify", 2, LANGUAGES),
    ("graphql.parse_query", 1, LANGUAGES),
    ("graphql.parse_schema", 1, LANGUAGES),
    ("graphql.schema_is_valid", 1, LANGUAGES),
    ("rego.parse_module", 2, LANGUAGES),
    ("parse_config_file", 1, FILES),
    ("parse_combined_config_files", 1, FILES),
];

const NETWORK: &str = "policies cannot use the network";
const KEYS: &str = "keys, certificates and signatures are not evaluated";
const FILES: &str = "policies cannot read files; pass them with --data";
const LANGUAGES: &str = "GraphQL and Rego texts are not evaluated";

/// Notes about calls that were answered with an undefined value.
pub(in crate::policy::opa) type Notes = Arc<Mutex<BTreeSet<String>>>;

/// Adds the functions. A call fails; with `notes`, it is undefined as in OPA without a network, and
/// noted.
pub(super) fn install(engine: &mut Engine, notes: Option<&Notes>) {
    for (name, arity, reason) in FUNCTIONS {
        let message = format!("`{name}` is not available: {reason}");
        let notes = notes.cloned();
        let call = move |_: Vec<Value>| match &notes {
            None => Err(Failed(message.clone()).into()),
            Some(notes) => {
                let mut notes = notes.lock().unwrap_or_else(PoisonError::into_inner);
                notes.insert(message.clone());
                Ok(Value::Undefined)
            }
        };
        let _ = engine.add_extension((*name).to_string(), *arity, Box::new(call));
    }
}
