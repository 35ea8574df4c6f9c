//! Tests of payloads as wholes.
