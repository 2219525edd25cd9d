//! `pipeline`: the log pipeline alone.

use ::pipeline::cli::{PipelineArgs, run};

use crate::{cli, exit};

pub(crate) fn perform(args: &cli::Pipeline) -> anyhow::Result<u8> {
    let defect = args.defect.as_deref().map(str::parse).transpose()?;
    run(&PipelineArgs { config: args.config.clone(), dry_run: args.dry_run, defect })?;
    Ok(exit::PASS)
}
