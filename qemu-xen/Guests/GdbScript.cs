using System.Globalization;

namespace Xenlet.QemuXen;

/// <summary>What gdb has to be told to look into a guest that waits at <see cref="DirectBootOptions.GdbPort"/>.</summary>
public static class GdbScript
{
    /// <summary>The text of a file for <c>gdb -x FILE IMAGE</c>, where the image's symbols lie beside it.</summary>
    /// <param name="port">Where QEMU serves gdb.</param>
    /// <remarks>
    /// A machine starts in 16-bit mode, and gdb would take that processor's registers for all there are. The compiler calls a method
    /// ASSEMBLY_NAMESPACE_TYPE__METHOD; <c>csbreak</c> makes that of a name as C# has it.
    /// </remarks>
    public static string Text(int port) => string.Create(CultureInfo.InvariantCulture, $"""
        set confirm off
        set architecture i386:x86-64
        target remote 127.0.0.1:{port}

        define csbreak
          python gdb.execute("rbreak _" + "__".join("$arg0".rsplit(".", 1)).replace(".", "_") + "$")
        end
        document csbreak
        csbreak TYPE.METHOD sets a breakpoint at a method by its C# name, with as much of the namespace as it takes.
        end

        """);
}
