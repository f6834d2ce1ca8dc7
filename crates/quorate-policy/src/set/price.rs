//! What a request costs on every meter, and whether the request is well formed.

use quorate_core::limit::METERS_MAX;
use quorate_core::request::{
    ATTRIBUTE_NAME_BYTES_MAX, ATTRIBUTES_MAX, InvalidRequest, OPERATION_ID_BYTES_MAX, Request, SCOPES_MAX,
};
use quorate_core::terms::Amounts;

use super::{Bounds, Endpoint, PolicySet};

/// How much of an unknown meter's name an error repeats, in characters.
const SHOWN_CHARS_MAX: usize = 64;

/// What a request costs.
pub(super) struct Price {
    /// Units of `requests` before the endpoint's factor, as they are judged.
    pub(super) cost: u64,
    /// What is judged, on every meter.
    pub(super) amounts: Amounts,
    /// The request only asks: it says so, or costs nothing on every meter.
    pub(super) look: bool,
}

/// Judges what the policy has no say in: counts and lengths.
pub(super) fn check_structure(request: &Request<'_>) -> Result<(), InvalidRequest> {
    few("attributes", request.attributes.len(), ATTRIBUTES_MAX)?;
    few("scopes", request.scopes.len(), SCOPES_MAX)?;
    short("operation_id", request.operation_id, OPERATION_ID_BYTES_MAX)?;
    for (name, _) in request.attributes {
        short("attributes (a name)", name, ATTRIBUTE_NAME_BYTES_MAX)?;
    }
    Ok(())
}

fn few(field: &'static str, count: usize, max: usize) -> Result<(), InvalidRequest> {
    if count > max {
        return Err(InvalidRequest::TooMany { field, count, max });
    }
    Ok(())
}

fn short(field: &'static str, text: &str, max: usize) -> Result<(), InvalidRequest> {
    let bytes = text.len();
    if bytes > max {
        return Err(InvalidRequest::TooLong { field, bytes, max });
    }
    Ok(())
}

/// The units of `requests` before the endpoint's factor.
pub(super) const fn cost(request: &Request<'_>, bounds: Bounds) -> Result<u64, InvalidRequest> {
    let max = bounds.cost_max;
    match request.cost {
        Some(cost) if cost > max => Err(InvalidRequest::CostTooLarge { cost, max }),
        Some(cost) => Ok(cost),
        None if max < 1 => Err(InvalidRequest::CostTooLarge { cost: 1, max }),
        None => Ok(1),
    }
}

impl PolicySet {
    /// The price of a request: the cost times the endpoint's factor, and for every other meter what the caller says,
    /// else what the endpoint's price is. A cost of 0 where that comes to nothing on every meter is judged as 1: whoever
    /// asks so wants to know whether a request would pass.
    pub(super) fn price(
        &self,
        request: &Request<'_>,
        endpoint: &Endpoint,
        bounds: Bounds,
    ) -> Result<Price, InvalidRequest> {
        let mut cost = cost(request, bounds)?;
        let mut amounts = endpoint.prices;
        amounts.0[0] = cost.saturating_mul(endpoint.cost_factor);
        let max = bounds.cost_max;
        let mut given = [false; METERS_MAX];
        for (name, amount) in request.amounts {
            let number = self.meter(name)?;
            if *amount > max {
                return Err(InvalidRequest::AmountTooLarge {
                    meter: (*name).to_owned(),
                    amount: *amount,
                    max,
                });
            }
            if std::mem::replace(&mut given[number], true) {
                return Err(unfit(name, "it is given twice"));
            }
            amounts.0[number] = *amount;
        }
        let free = amounts.is_zero();
        if free && cost == 0 {
            cost = 1;
            amounts.0[0] = endpoint.cost_factor;
        }
        Ok(Price {
            cost,
            amounts,
            look: request.check_only || free,
        })
    }

    fn meter(&self, name: &str) -> Result<usize, InvalidRequest> {
        match self.meters.iter().position(|meter| **meter == *name) {
            Some(0) => Err(unfit(name, "it is set by `cost` only")),
            Some(number) => Ok(number),
            None => Err(unfit(name, "no such meter")),
        }
    }
}

fn unfit(name: &str, problem: &'static str) -> InvalidRequest {
    InvalidRequest::Meter {
        meter: name
            .chars()
            .take(SHOWN_CHARS_MAX)
            .flat_map(char::escape_debug)
            .collect(),
        problem,
    }
}
