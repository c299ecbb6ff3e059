/** Starts the ranks of a program, joins them, and ends them with it. */
package dev.mpipool.launcher;
