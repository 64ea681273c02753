//! Records steps: hashes trees, runs commands, writes links; runs inspections in a scratch folder.
