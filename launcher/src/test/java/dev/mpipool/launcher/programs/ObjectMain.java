package dev.mpipool.launcher.programs;

/** A program as Java 25 allows it: its main belongs to an object, and has no parameter. */
class ObjectMain {
  void main() {
    System.out.println("from an object");
  }
}
