//! The built-in transformers and the field specifications that steer them.
