package dev.mpipool.serial;

/**
 * A carrier of a number only, for a value that has travelled before. It refers to no object that
 * another value of a call could refer to as well.
 */
public interface Handle extends InternalType {}
