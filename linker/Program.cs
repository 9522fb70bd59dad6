using Xenlet.Linker.Cultures;
using Xenlet.Linker.Domains;
using Xenlet.Linker.Files;
using Xenlet.Linker.Unwinding;
using Xenlet.Machines;

namespace Xenlet.Linker;

/// <summary>The command line.</summary>
internal static class Program
{
    private const string Usage = $"""
        usage: Xenlet.Linker stubs <out.o>
                 writes the machine code stubs as an ELF object
               Xenlet.Linker script <out.ld>
                 writes the link layout
               Xenlet.Linker redirect <object.o> [<prefix>]
                 makes failed checks in the nucleus end in its own panic; the nucleus is
                 what begins with the prefix, else with {FailureRedirect.NucleusPrefix}
               Xenlet.Linker parts <out.json> <name> <version> <link.map> <assemblies.txt>
                 writes what an image was made from, in CycloneDX's format
               Xenlet.Linker separate <object.o>
                 gives the nucleus's variables a section of their own
               Xenlet.Linker unwinding <object.o> <out.o>
                 writes the table by which frames of methods are walked, as an ELF object,
                 leaves what the compiler wrote for that to debuggers, and says what the linker
                 has to be told
               Xenlet.Linker check <object.o>
                 says what the link of an image relies on and an object of another compiler has not
               Xenlet.Linker domain <settings.txt> <out.cfg> <out.xml>
                 writes the domain that a project asks for, for xl and for libvirt
               Xenlet.Linker files <list.txt> <out.o>
                 writes the files and variables that an image has, as an ELF object
               Xenlet.Linker cryptography <object.o> <out.o>
                 writes the stubs that the program's cryptography needs, if any, and says,
                 between bars: "none", "random", "digests" or "openssl", what has to be
                 linked; what the program may use of OpenSSL; the Debian packages that are
                 missing for that; what the linker has to be told; "authorities" if the
                 program may look for those that it trusts; what it may use and not find
               Xenlet.Linker network <object.o> <out.o>
                 writes the stub by which the image finds the start of its network, and says,
                 between bars: "started" or "none"; "sockets" if the program may use them;
                 what else of the network it may use
               Xenlet.Linker cultures <libicudata.a> <names> <out.o>
                 writes the part of ICU's data that an image with these cultures needs, as
                 an ELF object
               Xenlet.Linker missing <driver> [cultures]
                 says what the machine lacks for a link by this compiler driver, and for one
                 with cultures, and, behind a bar, the Debian packages that have it; nothing
                 if it lacks nothing
        """;

    private static int Main(string[] arguments)
    {
        try
        {
            switch (arguments)
            {
                case ["stubs", var path]:
                    File.WriteAllBytes(path, StubObject.Write(StubAssembler.Assemble()));
                    return 0;
                case ["script", var path]:
                    File.Copy(LinkLayout.Path, path, overwrite: true);
                    return 0;
                case ["redirect", var path]:
                    return Redirect(path, FailureRedirect.NucleusPrefix);
                case ["redirect", var path, var prefix]:
                    return Redirect(path, prefix);
                case ["parts", var path, var name, var version, var map, var assemblies]:
                    WriteParts(path, name, version, map, assemblies);
                    return 0;
                case ["separate", var path]:
                    File.WriteAllBytes(path, NucleusVariables.Separate(path, File.ReadAllBytes(path)));
                    return 0;
                case ["unwinding", var path, var table]:
                    WriteUnwinding(path, table);
                    return 0;
                case ["check", var path]:
                    return Check(path);
                case ["domain", var settings, var xl, var libvirt]:
                    return WriteDomain(settings, xl, libvirt);
                case ["files", var list, var path]:
                    WriteFiles(list, path);
                    return 0;
                case ["cryptography", var path, var stubs]:
                    WriteCryptography(path, stubs);
                    return 0;
                case ["network", var path, var stubs]:
                    WriteNetwork(path, stubs);
                    return 0;
                case ["cultures", var library, var names, var path]:
                    WriteIfOther(path, CultureData.WriteObject(LibraryMember.Read(library), CultureData.Split(names)));
                    return 0;
                case ["missing", var driver]:
                    WriteMissing(Prerequisite.Linking(driver));
                    return 0;
                case ["missing", var driver, "cultures"]:
                    WriteMissing([.. Prerequisite.Linking(driver), .. Prerequisite.Cultures]);
                    return 0;
                default:
                    Console.Error.WriteLine(Usage);
                    return 1;
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or BadObjectException or InvalidDataException)
        {
            Console.Error.WriteLine($"Xenlet.Linker: {error.Message}");
            return 1;
        }
    }

    /// <summary>Leaves a file that has these bytes alone: its time says when it changed.</summary>
    private static void WriteIfOther(string path, byte[] bytes)
    {
        if (!File.Exists(path) || !File.ReadAllBytes(path).AsSpan().SequenceEqual(bytes))
        {
            File.WriteAllBytes(path, bytes);
        }
    }

    private static void WriteFiles(string list, string path)
    {
        ImageContent content = ImageContent.Read(File.ReadLines(list));
        foreach (string warning in content.Warnings())
        {
            Console.Error.WriteLine(warning);
        }

        WriteIfOther(path, FileSection.WriteObject(content));
    }

    private static void WriteParts(string path, string name, string version, string map, string assemblies)
    {
        using StreamReader reader = new(map);
        using FileStream output = File.Create(path);
        BillOfMaterials.Write(output, name, version, File.ReadAllLines(assemblies), reader);
    }

    private static int Check(string path)
    {
        IReadOnlyList<string> missing = ObjectRequirements.Missing(path, File.ReadAllBytes(path));
        foreach (string what in missing)
        {
            Console.Error.WriteLine($"{path}: error {ObjectRequirements.Code}: {what}");
        }

        return missing.Count == 0 ? 0 : 1;
    }

    private static void WriteUnwinding(string path, string table)
    {
        byte[] bytes = File.ReadAllBytes(path);
        File.WriteAllBytes(table, UnwindingObject.Write(new ObjectFile(path, bytes)));
        File.WriteAllBytes(path, CallFrames.ForDebuggers(path, bytes));
        Console.WriteLine(Wrap(UnwindFunctions.Wrapped));
    }

    private static int WriteDomain(string path, string xl, string libvirt)
    {
        DomainSettings settings = SettingsReader.Read(File.ReadLines(path), out IReadOnlyList<SettingError> errors);
        foreach (SettingError error in errors)
        {
            Console.Error.WriteLine(error);
        }

        if (errors.Count > 0)
        {
            return 1;
        }

        File.WriteAllText(xl, XlDomain.Format(settings));
        File.WriteAllText(libvirt, LibvirtDomain.Format(settings));
        return 0;
    }

    private static void WriteCryptography(string path, string stubs)
    {
        CryptographyUse use = CryptographyUse.Read(new ObjectFile(path, File.ReadAllBytes(path)));
        string word = "none", missing = "", options = "";
        switch (use.Need)
        {
            case CryptographyNeed.RandomNumbers:
                word = "random";
                File.WriteAllBytes(stubs, StubObject.Write(CryptographyStubs.WithoutOpenSsl()));
                break;
            case CryptographyNeed.Digests:
                word = "digests";
                missing = Packages(Prerequisite.Missing(Prerequisite.Digests, new InstalledFiles()));
                options = Wrap(DigestStubs.Wrapped);
                File.WriteAllBytes(stubs, StubObject.Write(CryptographyStubs.WithDigests()));
                break;
            case CryptographyNeed.OpenSsl:
                word = "openssl";
                missing = Packages(Prerequisite.Missing(Prerequisite.Cryptography, new InstalledFiles()));
                options = Wrap(CryptographyStubs.Wrapped);
                File.WriteAllBytes(stubs, StubObject.Write(CryptographyStubs.WithOpenSsl()));
                break;
        }

        Console.WriteLine(
            string.Join('|', word, use.Purposes, missing, options, use.LooksForAuthorities ? "authorities" : "", use.Refused));
    }

    /// <summary>The option by which ld redirects calls of functions.</summary>
    private static string Wrap(IEnumerable<string> functions) => "-Wl," + string.Join(',', functions.Select(name => $"--wrap={name}"));

    private static void WriteNetwork(string path, string stubs)
    {
        NetworkUse use = NetworkUse.Read(new ObjectFile(path, File.ReadAllBytes(path)));
        File.WriteAllBytes(stubs, StubObject.Write(use.Stubs()));
        Console.WriteLine(string.Join('|', use.IsStarted ? "started" : "none", use.UsesSockets ? "sockets" : "", use.Others));
    }

    private static void WriteMissing(IEnumerable<Prerequisite> needed)
    {
        IReadOnlyList<Prerequisite> missing = Prerequisite.Missing(needed, new InstalledFiles());
        if (missing.Count > 0)
        {
            Console.WriteLine($"{string.Join("; ", missing.Select(prerequisite => prerequisite.Need))}|{Packages(missing)}");
        }
    }

    private static string Packages(IEnumerable<Prerequisite> missing) =>
        string.Join(' ', missing.Select(prerequisite => prerequisite.Package));

    private static int Redirect(string path, string prefix)
    {
        byte[] bytes = File.ReadAllBytes(path);
        RedirectReport report = FailureRedirect.Apply(path, bytes, prefix);
        File.WriteAllBytes(path, bytes);
        Console.WriteLine(
            $"{path}: {report.Functions} functions of the nucleus, {report.Checks} failed checks and {report.StackCookies} damaged "
            + $"stacks now end in its panic");
        return 0;
    }
}
