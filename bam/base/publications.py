"""The publications that methods, metrics, inpainters and data are from."""

from __future__ import annotations

import bam
from bam.base.publication import Publication

# The project itself, and the paper that it puts into practice.
SOFTWARE, PAPER = "bam", "yang2019bam"
PUBLICATIONS = {
    SOFTWARE: Publication(
        f"BAM: a controlled benchmark suite for attribution (saliency) methods, version {bam.__version__}",
        "{The BAM developers}",
        None,
        kind="software",
    ),
    PAPER: Publication(
        "Benchmarking Attribution Methods with Relative Feature Importance",
        "Yang, Mengjiao and Kim, Been",
        2019,
        arxiv="1907.09701",
    ),
    "abnar2020quantifying": Publication(
        "Quantifying Attention Flow in Transformers",
        "Abnar, Samira and Zuidema, Willem",
        2020,
        "Annual Meeting of the Association for Computational Linguistics (ACL)",
        "2005.00928",
    ),
    "adebayo2018local": Publication(
        "Local Explanation Methods for Deep Neural Networks Lack Sensitivity to Parameter Values",
        "Adebayo, Julius and Gilmer, Justin and Goodfellow, Ian and Kim, Been",
        2018,
        arxiv="1810.03307",
    ),
    "adebayo2018sanity": Publication(
        "Sanity Checks for Saliency Maps",
        "Adebayo, Julius and Gilmer, Justin and Muelly, Michael and Goodfellow, Ian and Hardt, Moritz and "
        "Kim, Been",
        2018,
        "Advances in Neural Information Processing Systems (NeurIPS)",
        "1810.03292",
    ),
    "agarwal2020explaining": Publication(
        "Explaining Image Classifiers by Removing Input Features Using Generative Models",
        "Agarwal, Chirag and Nguyen, Anh",
        2020,
        "Asian Conference on Computer Vision (ACCV)",
        "1910.04256",
    ),
    "arras2022clevr": Publication(
        "CLEVR-XAI: A Benchmark Dataset for the Ground Truth Evaluation of Neural Network Explanations",
        "Arras, Leila and Osman, Ahmed and Samek, Wojciech",
        2022,
        "Information Fusion",
        kind="article",
    ),
    "bousselham2025legrad": Publication(
        "LeGrad: An Explainability Method for Vision Transformers via Feature Formation Sensitivity",
        "Bousselham, Walid and Boggust, Angie and Chaybouti, Sofian and Strobelt, Hendrik and Kuehne, Hilde",
        2025,
        "IEEE/CVF International Conference on Computer Vision (ICCV)",
        "2404.03214",
    ),
    "chattopadhay2018gradcam": Publication(
        "Grad-CAM++: Generalized Gradient-based Visual Explanations for Deep Convolutional Networks",
        "Chattopadhay, Aditya and Sarkar, Anirban and Howlader, Prantik and Balasubramanian, Vineeth N.",
        2018,
        "IEEE Winter Conference on Applications of Computer Vision (WACV)",
        "1710.11063",
    ),
    "chefer2021generic": Publication(
        "Generic Attention-model Explainability for Interpreting Bi-Modal and Encoder-Decoder Transformers",
        "Chefer, Hila and Gur, Shir and Wolf, Lior",
        2021,
        "IEEE/CVF International Conference on Computer Vision (ICCV)",
        "2103.15679",
    ),
    "chefer2021transformer": Publication(
        "Transformer Interpretability Beyond Attention Visualization",
        "Chefer, Hila and Gur, Shir and Wolf, Lior",
        2021,
        "IEEE/CVF Conference on Computer Vision and Pattern Recognition (CVPR)",
        "2012.09838",
    ),
    "cohen2025meaningful": Publication(
        "A Meaningful Perturbation Metric for Evaluating Explainability Methods",
        "Cohen, Danielle and Chefer, Hila and Wolf, Lior",
        2025,
        arxiv="2504.06800",
    ),
    "dabkowski2017real": Publication(
        "Real Time Image Saliency for Black Box Classifiers",
        "Dabkowski, Piotr and Gal, Yarin",
        2017,
        "Advances in Neural Information Processing Systems (NeurIPS)",
        "1705.07857",
    ),
    "draelos2020hirescam": Publication(
        "Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional neural networks",
        "Draelos, Rachel Lea and Carin, Lawrence",
        2020,
        arxiv="2011.08891",
    ),
    "fernandez2020torchcam": Publication(
        "TorchCAM: class activation explorer",
        "Fernandez, Fran{\\c{c}}ois-Guillaume",
        2020,
        kind="software",
    ),
    "fong2017interpretable": Publication(
        "Interpretable Explanations of Black Boxes by Meaningful Perturbation",
        "Fong, Ruth C. and Vedaldi, Andrea",
        2017,
        "IEEE International Conference on Computer Vision (ICCV)",
        "1704.03296",
    ),
    "fu2020axiom": Publication(
        "Axiom-based Grad-CAM: Towards Accurate Visualization and Explanation of CNNs",
        "Fu, Ruigang and Hu, Qingyong and Dong, Xiaohu and Guo, Yulan and Gao, Yinghui and Li, Biao",
        2020,
        "British Machine Vision Conference (BMVC)",
        "2008.02312",
    ),
    "gildenblat2021gradcam": Publication(
        "PyTorch library for CAM methods",
        "Gildenblat, Jacob and others",
        2021,
        kind="software",
    ),
    "jiang2021layercam": Publication(
        "LayerCAM: Exploring Hierarchical Class Activation Maps for Localization",
        "Jiang, Peng-Tao and Zhang, Chang-Bin and Hou, Qibin and Cheng, Ming-Ming and Wei, Yunchao",
        2021,
        "IEEE Transactions on Image Processing",
        kind="article",
    ),
    "kapishnikov2021guided": Publication(
        "Guided Integrated Gradients: An Adaptive Path Method for Removing Noise",
        "Kapishnikov, Andrei and Venugopalan, Subhashini and Avci, Besim and Wedin, Ben and Terry, Michael "
        "and Bolukbasi, Tolga",
        2021,
        "IEEE/CVF Conference on Computer Vision and Pattern Recognition (CVPR)",
        "2106.09788",
    ),
    "kim2018tcav": Publication(
        "Interpretability Beyond Feature Attribution: Quantitative Testing with Concept Activation Vectors "
        "(TCAV)",
        "Kim, Been and Wattenberg, Martin and Gilmer, Justin and Cai, Carrie and Wexler, James and "
        "Vi{\\'e}gas, Fernanda and Sayres, Rory",
        2018,
        "International Conference on Machine Learning (ICML)",
        "1711.11279",
    ),
    "kokhlikyan2020captum": Publication(
        "Captum: A unified and generic model interpretability library for PyTorch",
        "Kokhlikyan, Narine and Miglani, Vivek and others",
        2020,
        arxiv="2009.07896",
    ),
    "lin2014coco": Publication(
        "Microsoft COCO: Common Objects in Context",
        "Lin, Tsung-Yi and Maire, Michael and Belongie, Serge and Hays, James and Perona, Pietro and "
        "Ramanan, Deva and Doll{\\'a}r, Piotr and Zitnick, C. Lawrence",
        2014,
        "European Conference on Computer Vision (ECCV)",
        "1405.0312",
    ),
    "liu2022rethinking": Publication(
        "Rethinking Attention-Model Explainability through Faithfulness Violation Test",
        "Liu, Yibing and Li, Haoliang and Guo, Yangyang and Kong, Chenqi and Li, Jing and Wang, Shiqi",
        2022,
        "International Conference on Machine Learning (ICML)",
        "2201.12114",
    ),
    "lundberg2017unified": Publication(
        "A Unified Approach to Interpreting Model Predictions",
        "Lundberg, Scott M. and Lee, Su-In",
        2017,
        "Advances in Neural Information Processing Systems (NeurIPS)",
        "1705.07874",
    ),
    "muhammad2020eigencam": Publication(
        "Eigen-CAM: Class Activation Map using Principal Components",
        "Muhammad, Mohammed Bany and Yeasin, Mohammed",
        2020,
        "International Joint Conference on Neural Networks (IJCNN)",
        "2008.00299",
    ),
    "pair2017saliency": Publication(
        "Saliency Library",
        "{People + AI Research (PAIR), Google}",
        2017,
        kind="software",
    ),
    "petsiuk2018rise": Publication(
        "RISE: Randomized Input Sampling for Explanation of Black-box Models",
        "Petsiuk, Vitali and Das, Abir and Saenko, Kate",
        2018,
        "British Machine Vision Conference (BMVC)",
        "1806.07421",
    ),
    "ribeiro2016why": Publication(
        '"Why Should I Trust You?": Explaining the Predictions of Any Classifier',
        "Ribeiro, Marco Tulio and Singh, Sameer and Guestrin, Carlos",
        2016,
        "ACM SIGKDD International Conference on Knowledge Discovery and Data Mining (KDD)",
        "1602.04938",
    ),
    "rong2022consistent": Publication(
        "A Consistent and Efficient Evaluation Strategy for Attribution Methods",
        "Rong, Yao and Leemann, Tobias and Borisov, Vadim and Kasneci, Gjergji and Kasneci, Enkelejda",
        2022,
        "International Conference on Machine Learning (ICML)",
        "2202.00449",
    ),
    "selvaraju2016gradcam": Publication(
        "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization",
        "Selvaraju, Ramprasaath R. and Cogswell, Michael and Das, Abhishek and Vedantam, Ramakrishna and "
        "Parikh, Devi and Batra, Dhruv",
        2016,
        arxiv="1610.02391",
    ),
    "simonyan2013deep": Publication(
        "Deep Inside Convolutional Networks: Visualising Image Classification Models and Saliency Maps",
        "Simonyan, Karen and Vedaldi, Andrea and Zisserman, Andrew",
        2013,
        arxiv="1312.6034",
    ),
    "smilkov2017smoothgrad": Publication(
        "SmoothGrad: removing noise by adding noise",
        "Smilkov, Daniel and Thorat, Nikhil and Kim, Been and Vi{\\'e}gas, Fernanda and Wattenberg, Martin",
        2017,
        arxiv="1706.03825",
    ),
    "springenberg2014striving": Publication(
        "Striving for Simplicity: The All Convolutional Net",
        "Springenberg, Jost Tobias and Dosovitskiy, Alexey and Brox, Thomas and Riedmiller, Martin",
        2014,
        arxiv="1412.6806",
    ),
    "srinivas2019fullgrad": Publication(
        "Full-Gradient Representation for Neural Network Visualization",
        "Srinivas, Suraj and Fleuret, Fran{\\c{c}}ois",
        2019,
        "Advances in Neural Information Processing Systems (NeurIPS)",
        "1905.00780",
    ),
    "sundararajan2017axiomatic": Publication(
        "Axiomatic Attribution for Deep Networks",
        "Sundararajan, Mukund and Taly, Ankur and Yan, Qiqi",
        2017,
        "International Conference on Machine Learning (ICML)",
        "1703.01365",
    ),
    "wang2020scorecam": Publication(
        "Score-CAM: Score-Weighted Visual Explanations for Convolutional Neural Networks",
        "Wang, Haofan and Wang, Zifan and Du, Mengnan and Yang, Fan and Zhang, Zijian and Ding, Sirui and "
        "Mardziel, Piotr and Hu, Xia",
        2020,
        "IEEE/CVF Conference on Computer Vision and Pattern Recognition Workshops",
        "1910.01279",
    ),
    "xu2020attribution": Publication(
        "Attribution in Scale and Space",
        "Xu, Shawn and Venugopalan, Subhashini and Sundararajan, Mukund",
        2020,
        "IEEE/CVF Conference on Computer Vision and Pattern Recognition (CVPR)",
        "2004.03383",
    ),
    "yu2018generative": Publication(
        "Generative Image Inpainting with Contextual Attention",
        "Yu, Jiahui and Lin, Zhe and Yang, Jimei and Shen, Xiaohui and Lu, Xin and Huang, Thomas S.",
        2018,
        "IEEE/CVF Conference on Computer Vision and Pattern Recognition (CVPR)",
        "1801.07892",
    ),
    "zhang2016excitation": Publication(
        "Top-down Neural Attention by Excitation Backprop",
        "Zhang, Jianming and Lin, Zhe and Brandt, Jonathan and Shen, Xiaohui and Sclaroff, Stan",
        2016,
        "European Conference on Computer Vision (ECCV)",
        "1608.00507",
    ),
    "zeiler2014visualizing": Publication(
        "Visualizing and Understanding Convolutional Networks",
        "Zeiler, Matthew D. and Fergus, Rob",
        2014,
        "European Conference on Computer Vision (ECCV)",
        "1311.2901",
    ),
    "zhou2017places": Publication(
        "Places: A 10 Million Image Database for Scene Recognition",
        "Zhou, Bolei and Lapedriza, Agata and Khosla, Aditya and Oliva, Aude and Torralba, Antonio",
        2017,
        "IEEE Transactions on Pattern Analysis and Machine Intelligence",
        kind="article",
    ),
}
