package dev.mpipool.serial;

import java.io.Serializable;

/**
 * What mpipool itself puts around the users' values when they travel. It holds nothing else, so a
 * pool's filter is asked about the values alone.
 */
public interface InternalType extends Serializable {}
