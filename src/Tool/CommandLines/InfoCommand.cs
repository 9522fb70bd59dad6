using Xenlet.Tool.Images;

namespace Xenlet.Tool.CommandLines;

/// <summary><c>xenlet info</c>.</summary>
internal static class InfoCommand
{
    public const string Usage = """
        usage: xenlet info IMAGE

        Says what an image is: where Xen enters it, its segments with their rights, sizes by part, the least memory of a domain,
        its files and variables of the environment, the versions of .NET's runtime and of Xenlet, and its components, which are
        listed in NAME.cdx.json beside it.

        exit status: 0 it is an image that Xen can start, 1 it is not or cannot be read, 2 the command line was not understood

        """;

    public static int Run(Words words)
    {
        string path = words.OnlyOperand("IMAGE");
        ImageFile image = ImageFile.Read(path);
        Console.Out.Write(ImageReport.Format(image, ComponentList.FindBeside(path)));
        return 0;
    }
}
