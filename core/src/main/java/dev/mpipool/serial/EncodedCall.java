package dev.mpipool.serial;

/**
 * A call as bytes, made by {@link CallCodec}.
 *
 * @param payload what to send
 * @param code what the worker has to have before, or null
 */
public record EncodedCall(Payload payload, SharedValue code) {}
