//! Experiments: what is measured, and the tables that the program ships.
//!
//! The decision that shapes it: an experiment is one file with one type in one list, from a seed
//! and recorded, so that a figure in the documents can be made again by the command that stands on
//! its page. Nothing outside its file knows an experiment by name.
use experiment::Listed;

pub mod experiment;
pub mod figures;
pub mod tables;

/// Declares the files of what makes files and lists them.
macro_rules! makers {
    ($($module:ident),* $(,)?) => {
        $(pub mod $module;)*

        static MAKERS: &[Listed] = &[$(Listed::maker::<$module::The>()),*];
    };
}

/// Declares the files of the experiments and lists them.
macro_rules! experiments {
    ($($module:ident),* $(,)?) => {
        $(pub mod $module;)*

        static EXPERIMENTS: &[Listed] = &[$(Listed::experiment::<$module::The>()),*];
    };
}

/// Everything that `assay lab` does, in the order of its help.
static LISTS: [&[Listed]; 2] = [MAKERS, EXPERIMENTS];

makers! {
    planted,
    base,
    calibrate,
    face_calibration,
    example,
    cases,
}

experiments! {
    evaluate,
    speed,
    face_figures,
    forgery_figures,
    ablations,
    temporal_figures,
    animation_figures,
    generator_figures,
    memorisation,
    train_speed,
    swap_figures,
    screen_content,
}
