//! Ctrl-C and SIGTERM: finish the step, save, stop. A second one stops at once.

use crate::cli::output;
use crate::domain::cancel::CancelToken;

/// Makes signals request a stop.
pub fn listen() -> CancelToken {
    let cancel = CancelToken::default();
    let request = cancel.clone();
    let installed = ctrlc::set_handler(move || {
        if request.is_requested() {
            std::process::exit(crate::cli::exit::ExitStatus::Interrupted as i32);
        }
        request.request();
        output::print_error("\nstopping after this step (again to stop at once)");
    });
    if let Err(error) = installed {
        output::print_error(&format!("warning: Ctrl-C will not save a checkpoint: {error}"));
    }
    cancel
}
