//! Holds the workspace to its design: who imports whom, which rooms are pure, how large a file grows,
//! and that documents and code name the same things.

mod advisories;
mod documents;
mod files;
mod imports;
mod locks;
mod purity;
mod source;
