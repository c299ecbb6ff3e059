package dev.mpipool.device;

/**
 * The envelope of a message: its source, the tag and context by which it is matched, and the type
 * and lengths of its two sections.
 */
final class Envelope {

  static final Envelope NONE = new Envelope(-1, 0, 0, 0, 0, 0, 0);

  final int source;
  final int tag;

  /** A communicator's; below 2<sup>32</sup> those of MPJ Express, above ours; below 2^48. */
  final long context;

  final int type;
  final int staticLength;
  final int dynamicLength;
  final int elements;

  Envelope(
      int source,
      int tag,
      long context,
      int type,
      int staticLength,
      int dynamicLength,
      int elements) {
    this.source = source;
    this.tag = tag;
    this.context = context;
    this.type = type;
    this.staticLength = staticLength;
    this.dynamicLength = dynamicLength;
    this.elements = elements;
  }

  long length() {
    return (long) staticLength + dynamicLength;
  }

  /** Whether no correct peer can have sent this: the connection is to be ended. */
  boolean impossible() {
    return staticLength < 0 || dynamicLength < 0 || type < 0 || type > 17;
  }
}
