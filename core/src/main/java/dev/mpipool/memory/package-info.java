/**
 * What keeps threads going that must not end when the heap is full: {@link
 * dev.mpipool.memory.Memory}, and a queue that takes its room beforehand; or when they are
 * interrupted: {@link dev.mpipool.memory.Uninterruptibles}. And {@link
 * dev.mpipool.memory.Unreachable}, which lets go of what no program can reach any more.
 */
package dev.mpipool.memory;
