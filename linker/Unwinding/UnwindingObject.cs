namespace Xenlet.Linker.Unwinding;

/// <summary>The object by which frames of methods are walked: the table, and the functions that read it for the runtime.</summary>
public static class UnwindingObject
{
    /// <summary>Writes it.</summary>
    /// <param name="file">The compiler's object.</param>
    /// <returns>The object file's bytes.</returns>
    /// <exception cref="BadObjectException">There is something that the table cannot say.</exception>
    public static byte[] Write(ObjectFile file)
    {
        ObjectWriter writer = new();
        IReadOnlyList<Method> methods = CallFrames.Read(file);
        try
        {
            MethodTable.Add(writer, methods);
        }
        catch (InvalidDataException error)
        {
            throw file.Bad(error.Message);
        }

        StubObject.Add(writer, UnwindFunctions.Assemble());
        writer.AddMarker(".note.GNU-stack");
        return writer.Write();
    }
}
