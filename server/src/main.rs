//! The command congvu.

fn main() -> std::process::ExitCode {
    server::cli::main()
}
