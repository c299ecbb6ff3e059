package dev.mpipool.agent;

import java.util.ArrayList;
import java.util.List;

/**
 * The code of a method. Wherever it is jumped to, the stack is empty and the parameters are the
 * only local variables: the frames that the verifier needs say no more than where these places are.
 */
final class Code {
  static final int BIPUSH = 0x10;
  static final int SIPUSH = 0x11;
  static final int LDC_W = 0x13;
  static final int ALOAD_0 = 0x2a;
  static final int DUP = 0x59;
  static final int IFEQ = 0x99;
  static final int IF_ICMPNE = 0xa0;
  static final int LOOKUPSWITCH = 0xab;
  static final int ARETURN = 0xb0;
  static final int INVOKEVIRTUAL = 0xb6;
  static final int INVOKESPECIAL = 0xb7;
  static final int INVOKESTATIC = 0xb8;
  static final int INVOKEDYNAMIC = 0xba;
  static final int NEW = 0xbb;
  static final int ATHROW = 0xbf;
  static final int CHECKCAST = 0xc0;
  static final int INSTANCEOF = 0xc1;

  private static final int SAME_FRAMES = 64;
  private static final int SAME_FRAME_EXTENDED = 251;

  /** A place in the code, and the jumps to it: pairs of instruction and operand. */
  static final class Label {
    private final List<int[]> jumps = new ArrayList<>();
  }

  private final Bytes code = new Bytes();
  private final Bytes frames = new Bytes();
  private int frameCount;
  private int lastFrame = -1;

  Code instruction(int opcode) {
    code.u1(opcode);
    return this;
  }

  Code withByte(int opcode, int operand) {
    code.u1(opcode).u1(operand);
    return this;
  }

  /** An instruction with a number of two bytes, such as that of a constant. */
  Code withShort(int opcode, int operand) {
    code.u1(opcode).u2(operand);
    return this;
  }

  Code invokeDynamic(int constant) {
    code.u1(INVOKEDYNAMIC).u2(constant).u2(0);
    return this;
  }

  /** Jumps at most 32 KiB forward. */
  Code jump(int opcode, Label target) {
    target.jumps.add(new int[] {code.size(), code.size() + 1, 2});
    code.u1(opcode).u2(0);
    return this;
  }

  /**
   * Jumps to the label of a number.
   *
   * @param keys in ascending order
   */
  void lookupSwitch(Label none, int[] keys, Label[] labels) {
    int begin = code.size();
    code.u1(LOOKUPSWITCH);
    while (code.size() % 4 != 0) {
      code.u1(0);
    }
    none.jumps.add(new int[] {begin, code.size(), 4});
    code.u4(0).u4(keys.length);
    for (int i = 0; i < keys.length; i++) {
      code.u4(keys[i]);
      labels[i].jumps.add(new int[] {begin, code.size(), 4});
      code.u4(0);
    }
  }

  /** The label is here; all jumps to it have been written. */
  void begin(Label label) {
    int here = code.size();
    for (int[] jump : label.jumps) {
      if (jump[2] == 2) {
        code.setU2(jump[1], here - jump[0]);
      } else {
        code.setU4(jump[1], here - jump[0]);
      }
    }
    int delta = here - lastFrame - 1;
    if (delta < SAME_FRAMES) {
      frames.u1(delta);
    } else {
      frames.u1(SAME_FRAME_EXTENDED).u2(delta);
    }
    frameCount++;
    lastFrame = here;
  }

  /** Writes the attribute of the method, which has no others. */
  void write(Bytes out, int stack, int locals, NewConstants constants) {
    int ofFrames = 2 + frames.size();
    out.u2(constants.utf8("Code")).u4(2 + 2 + 4 + code.size() + 2 + 2 + 6 + ofFrames);
    out.u2(stack).u2(locals).u4(code.size()).put(code);
    out.u2(0).u2(1); // no handlers of exceptions, one attribute
    out.u2(constants.utf8("StackMapTable")).u4(ofFrames).u2(frameCount).put(frames);
  }
}
