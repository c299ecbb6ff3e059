package dev.mpipool.worker;

import dev.mpipool.serial.CallCodec;
import dev.mpipool.serial.Caller;
import dev.mpipool.serial.LeanSerializer;

/**
 * What every task of a worker is read, called and answered with.
 *
 * @param serializer for values
 * @param codec for calls
 * @param caller knows the kinds of code
 * @param shared what main has sent before
 */
record Tools(LeanSerializer serializer, CallCodec codec, Caller caller, SharedValues shared) {

  Tools(LeanSerializer serializer, Caller caller) {
    this(serializer, new CallCodec(serializer), caller);
  }

  private Tools(LeanSerializer serializer, CallCodec codec, Caller caller) {
    this(serializer, codec, caller, new SharedValues(serializer, codec));
  }
}
