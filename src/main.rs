//! Hands the command line to [`scim_appliance::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    scim_appliance::cli::run()
}
