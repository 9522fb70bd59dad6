using Xenlet.Nucleus.Tests.Analysis;

namespace Xenlet.Nucleus.Tests;

/// <summary>The guest that people copy from, <c>samples/Hello</c>, compiled and linked once for all tests.</summary>
public sealed class NucleusImage
{
    public NucleusImage()
    {
        string directory = PublishedPrograms.Publish("samples/Hello/Hello.csproj", "Hello");
        Image = ElfCode.Load(Path.Combine(directory, "Hello"), Path.Combine(directory, "Hello.dbg"));
    }

    internal CodeImage Image { get; }
}
