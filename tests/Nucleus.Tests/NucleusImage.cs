using Xenlet.Nucleus.Tests.Analysis;
using Xenlet.Tests;

namespace Xenlet.Nucleus.Tests;

/// <summary>The guest that people copy from, <c>samples/Hello</c>, compiled and linked once for all tests.</summary>
public sealed class NucleusImage
{
    public NucleusImage()
    {
        string program = PublishedImages.PublishAsync("samples/Hello", "Hello.elf").GetAwaiter().GetResult();
        Image = ElfCode.Load(program, Path.ChangeExtension(program, ".debug"));
    }

    internal CodeImage Image { get; }
}
