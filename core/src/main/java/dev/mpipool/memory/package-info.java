/**
 * What keeps threads going that must not end when the heap is full: {@link
 * dev.mpipool.memory.Memory}, and a queue that takes its room beforehand; or when they are
 * interrupted: {@link dev.mpipool.memory.Uninterruptibles}.
 */
package dev.mpipool.memory;
