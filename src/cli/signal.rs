//! Ctrl-C and SIGTERM: finish the step, save, stop. A second one stops at once.

use crate::cli::output;
use crate::domain::cancel::Cancel;

/// Makes signals request a stop.
pub fn listen() -> Cancel {
    let cancel = Cancel::default();
    let request = cancel.clone();
    let installed = ctrlc::set_handler(move || {
        if request.is_requested() {
            std::process::exit(crate::cli::exit::Exit::Interrupted as i32);
        }
        request.request();
        output::tell("\nstopping after this step (again to stop at once)");
    });
    if let Err(error) = installed {
        output::tell(&format!("warning: Ctrl-C will not save a checkpoint: {error}"));
    }
    cancel
}
