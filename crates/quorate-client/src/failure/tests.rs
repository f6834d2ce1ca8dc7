//! Which errors are the caller's, and which are answered by the policy.

use tonic::{Code, Status};

use super::{Cause, Outcome, Refused};

#[test]
fn what_is_the_callers_mistake_is_refused_and_all_else_fails_over() {
    for number in 0..=16 {
        let code = Code::from_i32(number);
        let outcome = Outcome::of(&Status::new(code, "why"));
        let expected = match code {
            Code::InvalidArgument => Outcome::Refused(Refused::Invalid("why".to_owned())),
            Code::Unauthenticated => Outcome::Refused(Refused::Unauthenticated("why".to_owned())),
            Code::PermissionDenied => Outcome::Refused(Refused::Forbidden("why".to_owned())),
            Code::DeadlineExceeded => Outcome::Failed(Cause::Deadline),
            other => Outcome::Failed(Cause::Server {
                code: super::code_name(other),
                message: "why".to_owned(),
            }),
        };
        assert_eq!(outcome, expected, "{code:?}");
    }
}

#[test]
fn a_failed_connection_is_told_from_a_lost_one() {
    let io = |text: &str| Box::new(std::io::Error::other(text.to_owned()));
    let refused = Status::from_error(Box::new(tonic::ConnectError(io("connection refused"))));
    assert_eq!(
        Outcome::of(&refused),
        Outcome::Failed(Cause::Unreachable("connection refused".to_owned()))
    );
    let lost = Status::from_error(io("reset by peer"));
    assert_eq!(
        Outcome::of(&lost),
        Outcome::Failed(Cause::Disconnected("reset by peer".to_owned()))
    );
}
