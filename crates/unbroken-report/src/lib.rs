//! The one Report value drawn as text, JSON, SARIF and JUnit.
