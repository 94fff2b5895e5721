//! A Git revision as a [`Source`](super::Source), read from objects without a checkout.
