/**
 * What keeps threads going that must not end when the heap is full: {@link
 * dev.mpipool.memory.Memory}, and a queue that takes its room beforehand.
 */
package dev.mpipool.memory;
