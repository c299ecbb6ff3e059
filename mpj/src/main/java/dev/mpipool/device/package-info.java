/**
 * A device for MPJ Express that is fast, survives a lost rank, and lets no stranger in. Stands on
 * MPJ Express alone.
 */
package dev.mpipool.device;
