package dev.mpipool.launcher;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Set;

/**
 * Redirects calls of {@code System.exit}, {@code Runtime.exit} and {@code Runtime.halt} in a class
 * file, and references to these methods, to the static methods {@code exit} and {@code halt} of
 * another class.
 *
 * <p>Only the constant pool is rewritten: a {@code Methodref} gets another class, and for the two
 * instance methods the descriptor of a static one that takes the Runtime as its first argument. For
 * these, {@code invokevirtual} becomes {@code invokestatic}, which has the same length and takes
 * the same operands. So no offset in the code changes, and the rewriting does not depend on the
 * version of the class file.
 *
 * <p>A class library for this would stand on the class path that ranks share, in front of the
 * program's own version of it.
 */
final class ExitCalls {
  private static final String STATIC_FORM = "(Ljava/lang/Runtime;I)V";

  private static final int UTF8 = 1;
  private static final int LONG = 5;
  private static final int DOUBLE = 6;
  private static final int CLASS = 7;
  private static final int METHOD = 10;
  private static final int NAME_AND_TYPE = 12;
  private static final int METHOD_HANDLE = 15;
  private static final int INVOKE_VIRTUAL_KIND = 5;
  private static final byte INVOKE_STATIC_KIND = 6;
  private static final int INVOKE_VIRTUAL = 182;
  private static final byte INVOKE_STATIC = (byte) 184;
  private static final int MOST_CONSTANTS = 65_535;

  private final ByteBuffer file;
  private final Class<?> replacement;

  /** Where each constant begins; 0 for those that are none. */
  private final int[] constants;

  private final int endOfConstants;

  /** The indexes of the redirected methods of Runtime. */
  private final Set<Integer> ofRuntime = new HashSet<>();

  private final ByteBuffer added = ByteBuffer.allocate(256);
  private int count;

  private ExitCalls(byte[] bytes, Class<?> replacement) {
    this.replacement = replacement;
    file = ByteBuffer.wrap(bytes);
    count = u2(8);
    constants = new int[count];
    int at = 10;
    for (int i = 1; i < constants.length; i++) {
      constants[i] = at;
      int tag = u1(at);
      at += length(tag, at);
      if (tag == LONG || tag == DOUBLE) {
        i++; // takes two numbers
      }
    }
    endOfConstants = at;
  }

  /**
   * Returns a copy of a class file with its calls redirected.
   *
   * @param replacement has static methods {@code exit(int)}, {@code exit(Runtime, int)} and {@code
   *     halt(Runtime, int)}, which are called instead
   * @return null if the class file has no such calls
   */
  static byte[] redirected(byte[] classFile, Class<?> replacement) {
    return new ExitCalls(classFile.clone(), replacement).redirect();
  }

  private byte[] redirect() {
    int target = 0;
    for (int i = 1; i < constants.length; i++) {
      if (constants[i] == 0 || u1(constants[i]) != METHOD) {
        continue;
      }
      String owner = text(u2(constants[u2(constants[i] + 1)] + 1));
      int nameAndType = constants[u2(constants[i] + 3)];
      int name = u2(nameAndType + 1);
      String method = text(name) + text(u2(nameAndType + 3));
      boolean virtual =
          owner.equals("java/lang/Runtime")
              && (method.equals("exit(I)V") || method.equals("halt(I)V"));
      if (virtual || (owner.equals("java/lang/System") && method.equals("exit(I)V"))) {
        if (target == 0) {
          target = add(CLASS, add(replacement.getName().replace('.', '/')));
        }
        file.putShort(constants[i] + 1, (short) target);
        if (virtual) {
          ofRuntime.add(i);
          file.putShort(constants[i] + 3, (short) add(NAME_AND_TYPE, name, add(STATIC_FORM)));
        }
      }
    }
    if (target == 0 || count > MOST_CONSTANTS) {
      return null;
    }
    if (!ofRuntime.isEmpty()) {
      makeHandlesStatic();
      makeCallsStatic();
    }
    file.putShort(8, (short) count);
    return ByteBuffer.allocate(file.capacity() + added.position())
        .put(file.slice(0, endOfConstants))
        .put(added.flip())
        .put(file.slice(endOfConstants, file.capacity() - endOfConstants))
        .array();
  }

  private void makeHandlesStatic() {
    for (int at : constants) {
      if (at > 0
          && u1(at) == METHOD_HANDLE
          && u1(at + 1) == INVOKE_VIRTUAL_KIND
          && ofRuntime.contains(u2(at + 2))) {
        file.put(at + 1, INVOKE_STATIC_KIND);
      }
    }
  }

  private void makeCallsStatic() {
    int at = endOfConstants + 6; // access flags, this class, its superclass
    at += 2 + 2 * u2(at); // interfaces
    for (int members = 0; members < 2; members++) { // fields, then methods
      int n = u2(at);
      at += 2;
      for (int member = 0; member < n; member++) {
        int attributes = u2(at + 6);
        at += 8;
        for (int attribute = 0; attribute < attributes; attribute++) {
          if (text(u2(at)).equals("Code")) {
            makeCallsStatic(at + 14, file.getInt(at + 10));
          }
          at += 6 + file.getInt(at + 2);
        }
      }
    }
  }

  private void makeCallsStatic(int begin, int length) {
    for (int pc = 0; pc < length; ) {
      int at = begin + pc;
      int instruction = u1(at);
      if (instruction == INVOKE_VIRTUAL && ofRuntime.contains(u2(at + 1))) {
        file.put(at, INVOKE_STATIC);
      }
      pc +=
          switch (instruction) {
            case 170 -> { // tableswitch
              int operands = (pc & ~3) + 4 - pc;
              int n = file.getInt(at + operands + 8) - file.getInt(at + operands + 4) + 1;
              yield operands + 12 + 4 * n;
            }
            case 171 -> { // lookupswitch
              int operands = (pc & ~3) + 4 - pc;
              yield operands + 8 + 8 * file.getInt(at + operands + 4);
            }
            case 196 -> u1(at + 1) == 132 ? 6 : 4; // wide
            default -> lengthOf(instruction);
          };
    }
  }

  private static int lengthOf(int instruction) {
    if (isBetween(instruction, 21, 25) || isBetween(instruction, 54, 58)) {
      return 2;
    }
    if (isBetween(instruction, 153, 168) || isBetween(instruction, 178, 184)) {
      return 3;
    }
    return switch (instruction) {
      case 16, 18, 169, 188 -> 2;
      case 17, 19, 20, 132, 187, 189, 192, 193, 198, 199 -> 3;
      case 197 -> 4;
      case 185, 186, 200, 201 -> 5;
      default -> 1;
    };
  }

  private static boolean isBetween(int value, int least, int most) {
    return value >= least && value <= most;
  }

  private int length(int tag, int at) {
    return switch (tag) {
      case UTF8 -> 3 + u2(at + 1);
      case 3, 4, 9, METHOD, 11, NAME_AND_TYPE, 17, 18 -> 5;
      case LONG, DOUBLE -> 9;
      case CLASS, 8, 16, 19, 20 -> 3;
      case METHOD_HANDLE -> 4;
      default -> throw new IllegalArgumentException("Unknown constant " + tag);
    };
  }

  private int add(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
    added.put((byte) UTF8).putShort((short) bytes.length).put(bytes);
    return count++;
  }

  private int add(int tag, int... indexes) {
    added.put((byte) tag);
    for (int index : indexes) {
      added.putShort((short) index);
    }
    return count++;
  }

  private String text(int index) {
    int at = constants[index];
    return new String(file.array(), at + 3, u2(at + 1), StandardCharsets.UTF_8);
  }

  private int u1(int at) {
    return Byte.toUnsignedInt(file.get(at));
  }

  private int u2(int at) {
    return Short.toUnsignedInt(file.getShort(at));
  }
}
