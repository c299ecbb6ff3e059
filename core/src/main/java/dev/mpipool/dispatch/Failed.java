package dev.mpipool.dispatch;

/**
 * What became of an item of a batch that has no value.
 *
 * @param cause what its function threw, or what befell it
 */
public record Failed(Throwable cause) {}
