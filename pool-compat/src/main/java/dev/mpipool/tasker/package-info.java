/**
 * A map whose finished part survives: results are saved as they come, and what is there already is
 * not computed again.
 */
package dev.mpipool.tasker;
