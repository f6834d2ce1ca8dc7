//! Who is at the other end: the names in a client's certificate, and the caller they prove.

use std::sync::Arc;

use rustls_pki_types::CertificateDer;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::callers::{Caller, Callers};

/// The caller that the connection's certificate proved, if any. The HTTP door puts it into each request's extensions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Certified(pub Option<Arc<Caller>>);

/// Finds the caller of a connection by the certificate it showed, the first of the chain.
pub(super) fn certified(callers: &Callers, chain: Option<&[CertificateDer<'_>]>) -> Certified {
    if callers.is_open() {
        return Certified::default();
    }
    let leaf = chain.and_then(<[_]>::first);
    Certified(leaf.and_then(|leaf| callers.by_certificate(&names(leaf))))
}

/// The names of a certificate: its subject alternative names (URI, DNS, e-mail), then the subject's common names.
/// rustls has verified it; one that x509-parser cannot read has no names, so it proves nobody.
fn names(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else {
        return Vec::new();
    };
    let alternatives = certificate.subject_alternative_name().ok().flatten();
    let alternative_names = alternatives.iter().flat_map(|names| &names.value.general_names);
    let alternative_names = alternative_names.filter_map(|name| match name {
        GeneralName::URI(name) | GeneralName::DNSName(name) | GeneralName::RFC822Name(name) => Some(*name),
        _ => None,
    });
    let common_names = certificate
        .subject()
        .iter_common_name()
        .filter_map(|name| name.as_str().ok());
    alternative_names.chain(common_names).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_says_its_alternative_names_and_its_common_name() {
        let key = rcgen::KeyPair::generate().expect("a key");
        let mut parameters = rcgen::CertificateParams::new(vec!["proxy.acme.test".to_owned()]).expect("parameters");
        let uri = rcgen::SanType::URI("spiffe://acme/proxy".try_into().expect("a URI"));
        parameters.subject_alt_names.push(uri);
        parameters.distinguished_name = rcgen::DistinguishedName::new();
        parameters
            .distinguished_name
            .push(rcgen::DnType::CommonName, "acme proxy");
        let certificate = parameters.self_signed(&key).expect("a certificate");
        assert_eq!(
            names(certificate.der()),
            ["proxy.acme.test", "spiffe://acme/proxy", "acme proxy"]
        );
        assert!(names(&CertificateDer::from(vec![1, 2, 3])).is_empty());
    }
}
