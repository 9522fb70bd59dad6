using Xenlet.Nucleus.Tests.Analysis;
using Xenlet.Tests;

namespace Xenlet.Nucleus.Tests;

/// <summary>An image with OpenSSL, <c>tests/GuestWork</c>.</summary>
public class OpenSslImageTests
{
    /// <summary>Of OpenSSL's rand_lib.o: all that draws random numbers does it by one of these.</summary>
    private static readonly string[] Generators = ["RAND_bytes", "RAND_priv_bytes", "RAND_bytes_ex", "RAND_priv_bytes_ex"];

    /// <summary>
    /// OpenSSL's generators keep a state. Domains restored from one saved image would all continue from it, and draw the same keys.
    /// </summary>
    [Fact]
    public async Task All_random_numbers_are_the_kernels()
    {
        string program = await PublishedImages.PublishAsync("tests/GuestWork", "Xenlet.GuestWork.elf");
        CodeImage image = ElfCode.Load(program, Path.ChangeExtension(program, ".debug"));
        Function[] generators = [.. Generators.Select(image.FindByName).OfType<Function>()];
        List<string> callers = [], kernelsCallers = [];
        foreach (Function function in image.Functions.Except(generators))
        {
            foreach (Function target in Branches(image, function))
            {
                if (generators.Contains(target))
                {
                    callers.Add($"{function} -> {target}");
                }
                else if (target.Names.Any(name => name.StartsWith("__wrap_RAND_", StringComparison.Ordinal)))
                {
                    kernelsCallers.Add(function.Names[0]);
                }
            }
        }

        Assert.Empty(callers);
        Assert.Contains("CryptoNative_GetRandomBytes", kernelsCallers);
    }

    /// <summary>The functions that a function calls or goes to by name.</summary>
    private static IEnumerable<Function> Branches(CodeImage image, Function function) => CodeReader.Decode(image, function)
        .Where(instruction => instruction.IsCallNear || instruction.IsJmpNear || instruction.IsJccNear)
        .Select(instruction => image.FindByAddress(instruction.NearBranchTarget))
        .OfType<Function>();
}
