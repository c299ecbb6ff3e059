/**
 * What main and a worker say to each other: frames of entries, and the queues through which they
 * are sent and received.
 *
 * <p>Main's side and the workers' side meet here and know nothing else of each other. Values are
 * payloads that {@link dev.mpipool.serial} has encoded.
 */
package dev.mpipool.protocol;
