/**
 * Makes the lambdas of a program serializable, and its records, so that any of them can be a task:
 * as an agent, when classes are loaded, or as a weaver, in class files.
 */
package dev.mpipool.agent;
