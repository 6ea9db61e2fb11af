"""Which network of reference_models.py each file of configs/ has, for every_config.py."""

# The network of each config by its name in reference_models.py.
NETWORKS = {
    "cifar10/conv_net": "convnet-residual",
    "cifar10/densenet_40_12": "densenet-40-12",
    "cifar10/densenet_100_12": "densenet-100-12",
    "cifar10/densenet_100_24": "densenet-100-24",
    "cifar10/densenet_bc_100_12": "densenet-bc-100-12",
    **{f"cifar10/densenet_bc_40_{k}": f"densenet-bc-40-{k}" for k in (12, 36, 48, 60)},
    "cifar10/dpn_small": "dpn_small",
    "cifar10/densenet_bc_190_40": "densenet-bc-190-40",
    "cifar10/densenet_bc_250_24": "densenet-bc-250-24",
    "cifar10/preact_resnet110": "preact_resnet110-a",
    "cifar10/preact_resnet164": "preact_resnet164",
    "cifar10/preact_resnet1001": "preact_resnet1001",
    **{f"cifar10/wrn_{n}": f"wrn_{n}" for n in
       ("16_4", "16_8", "22_8", "28_10", "40_1", "40_2", "40_4", "40_10")},
    **{f"imagenet/resnetv2_{d}": f"resnetv2_{d}" for d in (18, 34, 50, 101, 152, 200)},
    "cifar10/resnet18": "resnet18-cifar",
    "cifar10/resnet34": "resnet34-cifar",
    "cifar10/resnet50": "resnet50-cifar",
    "imagenet/resnet50_v1": "resnet50-v1",
    **{f"imagenet/{n}": n for n in
       ("seresnet18", "seresnet34", "seresnet50", "seresnet101", "seresnet152", "seresnext50_32x4d", "seresnext101_32x4d",
        "ecaresnet50", "resnet50c", "resnet18d", "resnet34d", "resnet50d", "resnet101d", "resnet152d", "resnetblur50")},
    "cifar10/resnet20": "resnet20-a",
    "cifar10/resnet32": "resnet32-a",
    "cifar10/resnet44": "resnet44-a",
    "cifar10/resnet56": "resnet56-a",
    "cifar10/resnet110": "resnet110-a",
    "cifar10/resnet164": "resnet164-b",
    "cifar10/resnet1202": "resnet1202-a",
    "cifar10/resnext29_8x64d": "resnext29_8x64d",
    "cifar10/resnext29_16x64d": "resnext29_16x64d",
    **{f"digits/{n}": f"digits-{n}" for n in
       ("conv_net", "conv_net_plain", "conv_net_identity", "conv_net_highway", "conv_net_rezero", "conv_net_skipinit",
        "conv_net_layerscale", "conv_net_dense", "conv_net_fixup", "densenet", "plain20", "plain56", "resnet20", "resnet56")},
    **{f"imagenet/{n}": n for n in
       ("densenet121", "densenet161", "densenet169", "densenet201", "densenet264", "densenet264d", "densenetblur121d",
        "dpn68", "dpn68b", "dpn92", "resnet18", "resnet34", "resnet50",
        "resnet101", "resnet152", "resnext50_32x4d", "resnext101_32x8d", "resnext101_64x4d", "wide_resnet50_2",
        "wide_resnet101_2")},
}
# The same networks as others here: of another number of classes, begun from published weights, or by another recipe.
REPEATED = ("cifar100/", "fine_tune/", "study/", "cifar10/resnet18_modern", "imagenet/resnet18_a1", "imagenet/resnet50_a",
            "imagenet/resnet50_v2", "imagenet/densenet121_ra", "cifar10/densenet_40_12_dropout")
