using Xenlet.Nucleus.Tests.Analysis;
using Xenlet.Tests;

namespace Xenlet.Nucleus.Tests;

/// <summary>The program of <c>Planted/</c>, compiled by ILC once for all tests.</summary>
public sealed class PlantedProgram
{
    public PlantedProgram() =>
        Image = ElfCode.Load(PublishedImages.PublishAsync("tests/Nucleus.Tests/Planted", "Planted").GetAwaiter().GetResult());

    internal CodeImage Image { get; }
}
