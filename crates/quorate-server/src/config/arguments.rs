//! The flags of `quorate serve`, made from the table of settings so that a flag cannot exist without its variable and
//! its key.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command, FromArgMatches};

use super::settings::{SETTINGS, Setting};

/// What stands on the command line of `quorate serve`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arguments {
    /// The TOML file.
    pub config: Option<PathBuf>,
    /// Print the effective configuration and stop.
    pub print_config: bool,
    /// Where to write the bound addresses once the server is ready.
    pub ready_file: Option<PathBuf>,
    /// Print the bound addresses as one JSON line.
    pub json: bool,
    /// The settings that flags give, by key.
    pub(super) settings: Vec<(&'static str, Vec<String>)>,
}

impl clap::Args for Arguments {
    fn augment_args(command: Command) -> Command {
        let own = [
            value("config", "FILE", "TOML file with any of these settings").env("QUORATE_CONFIG"),
            switch(
                "print-config",
                "Print the effective configuration, with where each value came from, and stop",
            ),
            value(
                "ready-file",
                "FILE",
                "Write the bound addresses there, as JSON, once the server is ready",
            ),
            switch("json", "Print the bound addresses as one JSON line"),
        ];
        command
            .args(SETTINGS.iter().map(|setting| argument(setting)))
            .args(own)
            .after_help(EXAMPLES)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Arguments {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let path = |id: &str| matches.get_one::<String>(id).map(PathBuf::from);
        let given = |setting: &&'static Setting| {
            if setting.is_switch() {
                return matches
                    .get_flag(setting.flag)
                    .then(|| (setting.key, vec!["true".to_owned()]));
            }
            let values = matches.get_many::<String>(setting.flag)?;
            Some((setting.key, values.cloned().collect()))
        };
        Ok(Self {
            config: path("config"),
            print_config: matches.get_flag("print-config"),
            ready_file: path("ready-file"),
            json: matches.get_flag("json"),
            settings: SETTINGS.iter().filter_map(given).collect(),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// A command line without flags, for tests and for servers inside other programs.
impl Arguments {
    /// With one more setting, by its flag.
    ///
    /// # Panics
    /// There is no such flag.
    #[must_use]
    pub fn with(mut self, flag: &str, value: &str) -> Self {
        let setting = SETTINGS
            .iter()
            .find(|setting| setting.flag == flag)
            .expect("the caller names a flag that exists");
        self.settings.push((setting.key, vec![value.to_owned()]));
        self
    }
}

fn argument(setting: &'static Setting) -> Arg {
    let action = match (setting.is_switch(), setting.many) {
        (true, _) => return switch(setting.flag, help(setting)),
        (false, true) => ArgAction::Append,
        (false, false) => ArgAction::Set,
    };
    value(setting.flag, setting.value, help(setting)).action(action)
}

fn help(setting: &Setting) -> String {
    let default = if setting.default.is_empty() || setting.is_switch() {
        String::new()
    } else {
        format!(" [default: {}]", setting.default)
    };
    format!("{}{default} [env: {}]", setting.help, setting.variable())
}

fn value(flag: &'static str, name: &'static str, help: impl Into<clap::builder::StyledStr>) -> Arg {
    Arg::new(flag).long(flag).value_name(name).help(help)
}

fn switch(flag: &'static str, help: impl Into<clap::builder::StyledStr>) -> Arg {
    Arg::new(flag).long(flag).action(ArgAction::SetTrue).help(help)
}

const EXAMPLES: &str = "\
Examples:
  quorate serve
  quorate serve --policy policy.yaml --policy policy.d/
  quorate serve --grpc-listen 0.0.0.0:8081 --tls-certificate server.pem --tls-key server.key
  quorate serve --config quorate.toml --print-config";
