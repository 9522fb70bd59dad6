namespace Xenlet.Linker.Tests;

/// <summary>An object file of which only the names of symbols count.</summary>
internal static class CryptographyObject
{
    /// <summary>Writes one that refers to symbols it does not define, and defines others.</summary>
    public static byte[] Write(string[] undefined, string[] defined)
    {
        ObjectWriter writer = new();
        ObjectSection code = writer.AddCode("__managedcode");
        code.Append(
            new byte[8 * (undefined.Length + 1)],
            16,
            undefined.Select((name, i) => new Relocation(8 * i, RelocationType.Branch32, name, -4)));
        ObjectSection data = writer.AddData(".data");
        foreach (string name in defined)
        {
            writer.Define(name, data, data.Append(new byte[8], 8, []), 8, SymbolKind.Data);
        }

        return writer.Write();
    }
}
