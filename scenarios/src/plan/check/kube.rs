//! What a scenario may not say about its Kubernetes API server.

use super::{Checked, Layout, Of};
use crate::spec::{FaultDo, Via};

impl Of<'_> {
    pub(super) fn kube(&self) -> Checked {
        let spec = self.spec;
        for (at, fault) in spec.fault.iter().enumerate() {
            let key = format!("fault.{at}.do");
            match fault.what {
                _ if fault.what.hits_kube() && spec.kube.is_none() => {
                    return self.refuse(&key, "there is no API server; write [kube]");
                }
                FaultDo::KubeRefuse { status } if !(400..=599).contains(&status) => {
                    return self.refuse(&key, "an error has a status from 400 to 599");
                }
                FaultDo::CutLinkEvery { n: 0 } => return self.refuse(&key, "give n = 1 for every piece, or more"),
                _ => {}
            }
        }
        let Some(kube) = &spec.kube else { return Ok(()) };
        if spec.load.layout == Layout::Plain {
            return self.refuse("kube", "plain files belong to no pods; set load.layout = \"kubelet\" or \"docker\"");
        }
        for (at, pods) in kube.pods.iter().enumerate() {
            let key = |name: &str| format!("kube.pods.{at}.{name}");
            let group = |name: &str| spec.load.group.iter().find(|group| group.name == name);
            let Some(own) = group(&pods.group).filter(|group| group.via == Via::File) else {
                return self.refuse(&key("group"), format!("no group of files is called `{}`", pods.group));
            };
            let Some(before) = &pods.instead_of else { continue };
            match group(before) {
                None => return self.refuse(&key("instead_of"), format!("no group is called `{before}`")),
                Some(before) if before.streams != own.streams || before.name == own.name => {
                    return self.refuse(&key("instead_of"), "name another group, with as many streams");
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        plan::{Overrides, Plan},
        spec::file::Source,
    };

    const PODS: &str = r#"
name = "pods"
question = "Whose?"
[time]
warm_up = "1s"
measure = "5s"
drain = "10s"
[load]
layout = "docker"
[[load.group]]
name = "old"
rate = "10/s"
[[load.group]]
name = "new"
rate = "10/s"
[[process]]
name = "agent"
config = "eks-cloudwatch.conf"
env = { LOGS = "l", LOGS_TAG = "l", STATE = "s", HTTP_PORT = "1", REGION = "r", CLUSTER = "c", KUBE_CA_FILE = "c", KUBE_TOKEN_FILE = "t", KUBE_TAG_PREFIX = "k", KUBE_URL = "{kube.url}", CLOUDWATCH_ENDPOINT = "http://{sink.store.host}:{sink.store.port}" }
[[route]]
name = "store"
sink = { kind = "cloudwatch" }
[kube]
[[kube.pods]]
group = "new"
instead_of = "old"
"#;

    fn settle(text: &str) -> Result<Plan, String> {
        let source = Source { origin: "x.toml".into(), text: text.to_owned(), folder: None };
        Plan::settle(&source, &Overrides::default()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_pod_takes_over_a_name() {
        let plan = settle(PODS).unwrap();
        let pods: Vec<(Option<&str>, bool)> =
            plan.streams.iter().map(|stream| (stream.pod.as_deref(), stream.is_replaced)).collect();
        assert_eq!(pods, [(None, true), (Some("old-00"), false)]);
    }

    #[test]
    fn what_makes_no_sense_is_refused_at_its_key() {
        let fault = |what: &str| format!("{PODS}[[fault]]\nat = \"1s\"\nfor = \"1s\"\ndo = {what}\n");
        for (text, why) in [
            (fault("{ kube_refuse = { status = 200 } }"), "400 to 599"),
            (fault("{ cut_link_every = { n = 0 } }"), "link"),
            (PODS.replace("group = \"new\"", "group = \"news\""), "no group of files is called `news`"),
            (PODS.replace("instead_of = \"old\"", "instead_of = \"new\""), "another group"),
            (PODS.replace("instead_of = \"old\"", "instead_of = \"odd\""), "no group is called `odd`"),
            (PODS.replace("layout = \"docker\"", "layout = \"plain\""), "plain files belong to no pods"),
            (PODS.replace("{kube.url}", "{kube.uri}"), "the API server has no `uri`"),
        ] {
            let error = settle(&text).expect_err(&text);
            assert!(error.contains(why), "{error}");
        }
        let without = PODS.split("[kube]").next().unwrap().replace("{kube.url}", "x");
        let error =
            settle(&format!("{without}[[fault]]\nat = \"1s\"\nfor = \"1s\"\ndo = \"kube_gone\"\n")).unwrap_err();
        assert!(error.contains("write [kube]"), "{error}");
    }
}
