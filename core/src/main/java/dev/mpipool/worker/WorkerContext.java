package dev.mpipool.worker;

import dev.mpipool.serial.CallCodec;
import dev.mpipool.serial.Caller;
import dev.mpipool.serial.LeanSerializer;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * What a worker needs to decode, call and answer tasks.
 *
 * @param serializer for values
 * @param codec for calls
 * @param caller calls each kind of code
 * @param shared the values that main has sent to this worker
 * @param answerBytes the length of the last answer to a chunk, which the next will hardly exceed
 */
record WorkerContext(
    LeanSerializer serializer,
    CallCodec codec,
    Caller caller,
    SharedValues shared,
    AtomicInteger answerBytes) {

  WorkerContext(LeanSerializer serializer, Caller caller) {
    this(serializer, new CallCodec(serializer), caller);
  }

  private WorkerContext(LeanSerializer serializer, CallCodec codec, Caller caller) {
    this(serializer, codec, caller, new SharedValues(serializer, codec), new AtomicInteger());
  }
}
