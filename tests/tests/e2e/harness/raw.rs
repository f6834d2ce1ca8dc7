//! Bytes in the place of a message: what no client that is generated would send.

use std::marker::PhantomData;

use bytes::{Buf, BufMut};
use prost::Message;
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

/// Sends bytes as they are, and reads the answer as a message.
pub struct Raw<A>(PhantomData<fn() -> A>);

impl<A> Default for Raw<A> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<A: Message + Default + 'static> Codec for Raw<A> {
    type Encode = Vec<u8>;
    type Decode = A;
    type Encoder = Self;
    type Decoder = Self;
    fn encoder(&mut self) -> Self {
        Self::default()
    }
    fn decoder(&mut self) -> Self {
        Self::default()
    }
}

impl<A> Encoder for Raw<A> {
    type Item = Vec<u8>;
    type Error = Status;
    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&item);
        Ok(())
    }
}

impl<A: Message + Default> Decoder for Raw<A> {
    type Item = A;
    type Error = Status;
    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<A>, Status> {
        let bytes = buffer.copy_to_bytes(buffer.remaining());
        let answer = A::decode(bytes);
        answer.map(Some).map_err(|error| Status::internal(error.to_string()))
    }
}
